# The message service in Rails, in one file: Action Controller without what a JSON service does not use.
ENV["RAILS_ENV"] = ENV["RACK_ENV"] = "production"
require "action_controller/railtie"
require "connection_pool"
require "digest"
require "hiredis"
require "json"
require "redis"

class MessageService < Rails::Application
  config.load_defaults 6.1
  config.root = ENV.fetch("BENCH_DIR")
  config.eager_load = true
  config.api_only = true
  config.secret_key_base = "unused: no session, no cookie"
  config.logger = Logger.new($stderr, level: Logger::WARN) # nginx writes the access log
  config.hosts.clear
  # nginx in front does what these would do; none is of use to a service of two routes.
  [ActionDispatch::HostAuthorization, Rack::Sendfile, ActionDispatch::Static, ActionDispatch::Executor,
   Rack::Runtime, ActionDispatch::RequestId, ActionDispatch::RemoteIp, Rails::Rack::Logger,
   ActionDispatch::Callbacks, ActionDispatch::ActionableExceptions, Rack::Head, Rack::ConditionalGet,
   Rack::ETag].each { |part| config.middleware.delete part }

  routes.append do
    post "/messages", to: "messages#create"
    get "/messages/:digest", to: "messages#show"
  end
end

# Redis holds the messages under their hexadecimal digests.
class MessagesController < ActionController::Metal
  STORE = ConnectionPool.new(size: Integer(ENV.fetch("PUMA_THREADS"))) do
    Redis.new(path: ENV.fetch("REDIS_SOCKET"), driver: :hiredis)
  end

  def create
    message = message_of(request.raw_post)
    return answer(400, err_msg: 'The body must be a JSON object with a string "message".') unless message
    digest = Digest::SHA256.hexdigest(message)
    created = STORE.with { |redis| redis.setnx(digest, message) }
    answer(created ? 201 : 200, digest: digest)
  end

  def show
    digest = params[:digest]
    message = STORE.with { |redis| redis.get(digest) }
    return answer(404, err_msg: "Message not found for hash: #{digest}") unless message
    answer(200, message: message.force_encoding(Encoding::UTF_8))
  end

  private

  # The string member "message" of a JSON object, or nil.
  def message_of(body)
    document = JSON.parse(body)
    message = document["message"] if document.is_a?(Hash)
    message if message.is_a?(String)
  rescue JSON::ParserError
    nil
  end

  def answer(status, document)
    self.status = status
    self.content_type = "application/json"
    self.response_body = JSON.generate(document)
  end
end

MessageService.initialize!
run MessageService
